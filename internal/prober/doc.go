// Package prober takes targets from name to flow, makes their handshakes, and tells observers what becomes of them.
//
// Its files follow the way of a target: a request (request.go) is taken on by a worker (worker.go, schedule.go), its name
// is resolved (names.go, resolve.go), and then, for each attempt, the route is asked for (route.go), a port is leased
// (lease.go), the next hop is found (nexthop.go) and the engine is given the flow (begin.go).
package prober
