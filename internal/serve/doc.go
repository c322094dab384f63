// Package serve is the exporter: probes by HTTP, their metrics, and what is kept of them.
//
// Its files follow the way of a request: the server and its paths (server.go), what may be asked for (request.go, module.go),
// whether it may be probed (policy.go, address.go), whether there is room for it (bounds.go), the handshake (probe.go), and what is
// kept (history.go) and handed out (documents.go, api.go).
package serve
