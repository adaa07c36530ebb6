"""What one can believe about the inputs and answers of a model: profiles, drift, quality, evidence, alarms."""
