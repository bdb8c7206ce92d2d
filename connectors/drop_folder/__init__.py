"""Files that a till's software drops into a folder: tables (CSV, workbooks) and POSLog. See docs/drop-folder.md."""
