// SPDX-License-Identifier: Apache-2.0

package action

import (
	"os"
	"path/filepath"
)

// writeTargets are files that attackers write, by what for.
func writeTargets() map[string]string {
	return map[string]string{
		"cron": "/etc/cron.d/job", "systemd": "/etc/systemd/system/job.service", "profile": "/root/.bashrc",
		"preload": "/etc/ld.so.preload", "authorized_keys": "/root/.ssh/authorized_keys", "shadow": "/etc/shadow",
		"sudoers": "/etc/sudoers.d/job", "program": "/usr/bin/job", "packages": "/var/lib/dpkg/status", "etc": "/etc/hosts.deny",
		"release_agent": "/tmp/cgrp/release_agent",
	}
}

func persistent() []*Action {
	return []*Action{{
		Name: "write", Role: Attack, Techniques: []string{"T1053.003", "T1543.002", "T1546.004", "T1574.006", "T1098.004", "T1136.001",
			"T1554", "T1195.002", "T1611"},
		Description: "A file is written that runs later, lets somebody in, or leads out of a container.",
		Parameters: []Parameter{choice("target", "which one", "cron", "systemd", "profile", "preload", "authorized_keys", "shadow",
			"sudoers", "program", "packages", "etc", "release_agent")},
		act: func(s *scene) error {
			path := writeTargets()[s.Values["target"]]
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				return err
			}
			file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
			if err != nil {
				return err
			}
			if _, err := file.WriteString("# nothing\n"); err != nil {
				return err
			}
			return file.Close()
		},
	}}
}
