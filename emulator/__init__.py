"""Both services on loopback, for the demo and the tests: what do they answer?"""
