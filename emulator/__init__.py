"""Business Central and Dataverse emulated on loopback, for the demo and the tests."""
