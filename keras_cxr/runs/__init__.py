"""One model on one folder: trained, tested, audited, and everything its folder holds."""
