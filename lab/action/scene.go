// SPDX-License-Identifier: Apache-2.0

package action

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"time"
)

// scene is what an action has, inside the actor.
type scene struct {
	Values
	report   *json.Encoder
	effected bool
	later    []func()
}

// effect tells that what tells the action has just happened.
func (s *scene) effect() {
	s.effected = true
	_ = s.report.Encode(told{Effect: time.Now().UnixNano()})
}

// after does something when the action is over.
func (s *scene) after(f func()) { s.later = append(s.later, f) }

func (s *scene) tidy() {
	for _, f := range s.later {
		f()
	}
}

// run runs a program to its end, whatever that is: attacks fail, too.
func (s *scene) run(name string, arguments ...string) error {
	err := exec.Command(name, arguments...).Run() //nolint:gosec // the web service puts what it is sent into a shell: it is a toy with a hole
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return nil
	}
	return err
}

// spawn starts a program that is killed when the action is over.
func (s *scene) spawn(name string, arguments ...string) error {
	cmd := exec.Command(name, arguments...)
	if err := cmd.Start(); err != nil {
		return err
	}
	s.after(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return nil
}

// shell runs a script.
func (s *scene) shell(script string, arguments ...string) error {
	return s.run("/bin/sh", append([]string{"-c", script, "sh"}, arguments...)...)
}

// below runs a script in a shell that a server has started: nginx, postgres or sshd, see servers. With none it is an
// ordinary shell.
func (s *scene) below(server, script string) error {
	if server == none {
		return s.shell(script)
	}
	// The shell that is called like a server stays, as it has something to do after it.
	return s.run("/usr/sbin/"+server, "-c", `/bin/sh -c "$0"; true`, script)
}

const none = "none"

// servers are shells with the name of a server.
func servers() map[string]string {
	return map[string]string{"/usr/sbin/nginx": "/bin/sh", "/usr/sbin/postgres": "/bin/sh", "/usr/sbin/sshd": "/bin/sh"}
}

// shellBelow is the parameter for below.
func shellBelow() Parameter {
	return choice("below", "the server whose shell does it", none, "nginx", "postgres", "sshd")
}

// copies are programs that do nothing, with these names.
func copies(names ...string) map[string]string {
	all := map[string]string{}
	for _, name := range names {
		all["/usr/local/bin/"+name] = "/bin/true"
	}
	return all
}

func union(of ...map[string]string) map[string]string {
	all := map[string]string{}
	for _, one := range of {
		maps.Copy(all, one)
	}
	return all
}

// copyFile copies a program of the actor to another place.
func copyFile(from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o755)
}

// times does something again and again.
func times(n int, f func(i int) error) error {
	for i := range n {
		if err := f(i); err != nil {
			return fmt.Errorf("time %d of %d: %w", i+1, n, err)
		}
	}
	return nil
}
