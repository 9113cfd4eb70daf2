"""A web page that reads faces in the browser; no photo leaves the machine it is opened on."""

from feroi.web.write import page_files, write_page

__all__ = ["page_files", "write_page"]
