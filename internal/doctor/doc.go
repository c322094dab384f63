// Package doctor says whether this process may probe, and if not, what is missing and how to give it.
package doctor
