"""What a technician does with the agent: look what is wrong, set it up, gather what support needs. Nothing here moves money."""
