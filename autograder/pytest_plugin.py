"""`pytest --submission PATH`: one test item per case of a submitted notebook."""
