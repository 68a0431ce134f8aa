"""What people and other programs read: names, tables, pages; texts of others stay texts."""
