//go:build never

// Package h2spec pins h2spec: the project has no go.mod of its own, so the versions of what it needs stand in ours, all
// of them old enough for the Go 1.19 of Debian 12.
package h2spec

import _ "github.com/summerwind/h2spec/cmd/h2spec"
