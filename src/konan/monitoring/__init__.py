"""What one can believe of the inputs and answers of a model: profiles, drift, quality, evidence, alarms."""
