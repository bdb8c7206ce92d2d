"""CSV files that a till's software drops into a folder. The files' form is described in docs/csv.md."""
