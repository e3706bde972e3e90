"""Notices of both services, from the request that brings one to the job it wakes."""
