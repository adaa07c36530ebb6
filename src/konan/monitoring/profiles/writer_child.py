"""The process that changes the tables (`konan.predictions.writer_child`), and counts profiles as it does."""

import sys

from konan.monitoring.profiles.live import LiveProfiles
from konan.predictions import writer_child

if __name__ == "__main__":
    sys.exit(writer_child.main(sys.argv[1:], LiveProfiles))
