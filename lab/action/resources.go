// SPDX-License-Identifier: Apache-2.0

package action

import (
	"time"
)

func resourceActions() []*Action {
	return []*Action{
		{
			Name: "fork_bomb", Role: Attack, Techniques: []string{"T1499.001"},
			Description: "Processes are started as fast as it goes, and stay for some seconds.",
			Parameters:  []Parameter{count("processes", 650, 1, 4000), numeric("seconds", "how long they stay", 4, 1, 60)},
			Needs:       Needs{PIDs: 5000}, act: forkBomb,
		}, {
			Name: "reach_process_limit", Role: Attack, Techniques: []string{"T1499.001"},
			Description: "Processes are started until the limit of the cgroup stops it.",
			act: func(s *scene) error {
				return s.shell("i=0; while [ $i -lt 10000 ] && sleep 3 & [ $? = 0 ]; do i=$((i+1)); done 2>/dev/null")
			},
		}, {
			Name: "use_up_memory", Role: Attack, Techniques: []string{"T1499.004"},
			Description: "A program takes memory until the kernel kills it for the limit of the cgroup.",
			Parameters:  []Parameter{count("times", 1, 1, 20)},
			act: func(s *scene) error {
				return times(s.number("count"), func(int) error { return s.run("/usr/bin/tail", "/dev/zero") })
			},
		}, {
			Name: "crash", Role: Attack, Techniques: []string{"T1203", "T1499.004"},
			Description: "Processes die by errors of memory, or by abort.",
			Parameters:  []Parameter{count("times", 6, 1, 100), choice("by", "the signal", "SEGV", "ABRT")},
			act: func(s *scene) error {
				return times(s.number("count"), func(int) error { return s.shell("ulimit -c 0; kill -" + s.Values["by"] + " $$") })
			},
		}, {
			Name: "short_lived_processes", Role: Attack, Techniques: []string{"T1499.001"},
			Description: "Processes start and end at once, many a second.",
			Parameters:  []Parameter{numeric("seconds", "how long", 70, 1, 600)}, act: shortLived,
		}, {
			Name: "burn", Role: Attack, Techniques: []string{"T1496.001", "T1499.004"},
			Description: "A processor is kept busy, against the limit of the cgroup or below it.",
			Parameters:  []Parameter{numeric("seconds", "how long", 10, 1, 3600)},
			act: func(s *scene) error {
				return s.run("/usr/bin/timeout", s.Values["seconds"], "/bin/sh", "-c", "while :; do :; done")
			},
		},
	}
}

func forkBomb(s *scene) error {
	err := s.shell("i=0; while [ $i -lt $1 ]; do sleep $2 & i=$((i+1)); done", s.Values["count"], s.Values["seconds"])
	s.effect()
	time.Sleep(s.seconds("seconds"))
	return err
}

func shortLived(s *scene) error {
	end := time.Now().Add(s.seconds("seconds"))
	for time.Now().Before(end) {
		// Shells without a program: that is cheap.
		if err := s.shell("for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do (:); done"); err != nil {
			return err
		}
		time.Sleep(60 * time.Millisecond)
	}
	return nil
}

// benign are what people and machines do every day.
func benign() []*Action {
	return []*Action{
		{
			Name: "rest", Role: Benign, Description: "Nothing happens.",
			Parameters: []Parameter{numeric("seconds", "how long", 10, 1, 3600)},
			act:        func(s *scene) error { time.Sleep(s.seconds("seconds")); return nil },
		}, {
			Name: "sink", Role: Benign, Description: "A server takes what it is sent.",
			Parameters: []Parameter{numeric("seconds", "how long", 30, 1, 3600)}, act: sink,
		}, {
			Name: "script", Role: Benign, Description: "A script of an administrator looks at the system.",
			act: func(s *scene) error { return s.shell("ls /etc >/dev/null; df / >/dev/null; date; cat /etc/hostname") },
		}, {
			Name: "compress", Role: Benign, Description: "Files are packed, as for a backup.",
			Needs: Needs{Files: documents()},
			act:   func(s *scene) error { return s.run("/bin/tar", "-czf", "/tmp/backup.tgz", documentFolder) },
		},
	}
}

func sink(s *scene) error {
	_, err := s.listen("0.0.0.0:8443", func(c conn) {
		go func() {
			for b := make([]byte, 1<<20); ; {
				if _, err := c.Read(b); err != nil {
					_ = c.Close()
					return
				}
			}
		}()
	})
	if err != nil {
		return err
	}
	s.effect()
	time.Sleep(s.seconds("seconds"))
	return nil
}
