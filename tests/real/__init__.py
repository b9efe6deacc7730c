"""The whole product as real processes: killed, starved and crowded."""
