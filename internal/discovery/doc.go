// Package discovery finds the targets that are to be watched: in files, a target a line or as Prometheus' file_sd has them, and by
// HTTP, as its http_sd has them. It reads them again when they change. A source that cannot be read, or has something wrong in it,
// changes nothing.
package discovery
