"""The paper's experiments, each a module with VARIANTS and get_experiment(variant)."""
