"""What several tests share: photos, videos and files to read, and conditions to read them under."""
