"""How the network is trained: stages, rewards, updates, evaluation."""
