package wire

import "runtime/debug"

// Version returns the version of the program that the Go command recorded at the
// build, or "unknown".
func Version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}
