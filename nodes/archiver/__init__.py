"""The archiver node: gives a campaign's crate to an archive, again whenever there is more of it."""
