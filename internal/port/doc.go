// Package port leases source ports, and gives connections the numbers that tell them from earlier ones.
package port
