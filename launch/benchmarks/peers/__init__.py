"""Systems trained beside each other: folds of patients, training for a budget, MONAI's networks."""
