"""Parts of the study commands: what is trained, how the runs go, the table at the end."""
