// SPDX-License-Identifier: Apache-2.0

package probe

import "maps"

// acts are what an actor can do, by name. Each file of tests brings its own.
func acts() map[string]func(args []string) error {
	all := map[string]func(args []string) error{"nothing": nothing, "sleep": sleep}
	for _, of := range []map[string]func(args []string) error{
		processActs(), sessionActs(), rawActs(), fileActs(), rootActs(), specialFileActs(), netnsActs(),
		socketActs(), trafficActs(),
	} {
		maps.Copy(all, of)
	}
	return all
}
