"""Programs that measure Konan against its peers; nothing here is asserted in a test."""
