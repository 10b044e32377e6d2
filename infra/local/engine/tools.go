//go:build tools

// Package engine pins the Pulumi engine as a Go module, so that it can be built where the vendor's download can't be reached.
package engine

import _ "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
