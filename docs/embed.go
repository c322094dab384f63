// Package docs holds the documents that the program can print.
package docs

import _ "embed"

// Schema is the JSON Schema (draft 2020-12) of what --json writes: every line is one instance. It allows for fields that
// later versions add.
//
//go:embed schema.json
var Schema []byte
