"""How much of the class can be told without looking at the patient."""
