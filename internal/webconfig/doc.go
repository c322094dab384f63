// Package webconfig reads the file by which exporters of Prometheus are protected: TLS, certificates of clients, users with passwords, a
// rate limit, headers (prometheus.io, "HTTPS and authentication"). The library of those exporters brings packages that open files
// before main, and die there where descriptors are few.
package webconfig
