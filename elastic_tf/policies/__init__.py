"""Ways to pick a level for every block: from a selector's logits, or from a distribution."""
