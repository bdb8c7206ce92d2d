"""POSLog v6 files (NRF ARTS, now OMG): XML that larger tills export. What is read of it stands in docs/poslog.md."""
