// SPDX-License-Identifier: Apache-2.0

package check

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func sample() Report {
	return Report{
		Host: Host{Kernel: "6.1.0", User: 1000, Root: "/", Cgroups: "v2", BTF: true, UnprivilegedBPF: 2},
		Groups: []Group{
			{Name: "resource.node", Source: "/proc, /sys", State: OK, Features: 155, Reasons: []Reason{}},
			{Name: "security.execution", Source: "BPF on_exec", State: Missing, Of: 34, Reasons: []Reason{
				{Why: "no CAP_BPF", Help: "run as root", Detail: "line 1\nline 2"},
			}},
			{Name: "posture.node", Source: "/proc", State: Degraded, Features: 51, Of: 82, Reasons: []Reason{
				{Why: "read /etc/shadow: permission denied", Help: "run as root"}, {Why: "no /sys"},
			}},
		},
		Capabilities: []Capability{{Name: "CAP_BPF", Needed: true, Without: "all that is counted"}},
		Mounts:       []Mount{{Path: "/proc", State: OK, For: "all"}},
	}
}

func TestJSONIsStable(t *testing.T) {
	report := sample()
	report.Groups = report.Groups[1:2]
	text, err := json.MarshalIndent(report, "", " ")
	require.NoError(t, err)
	assert.Equal(t, `{
 "host": {
  "kernel": "6.1.0",
  "user": 1000,
  "root_path": "/",
  "cgroups": "v2",
  "btf": true,
  "lockdown": "",
  "unprivileged_bpf_disabled": 2
 },
 "groups": [
  {
   "name": "security.execution",
   "source": "BPF on_exec",
   "state": "missing",
   "features": 0,
   "of": 34,
   "reasons": [
    {
     "why": "no CAP_BPF",
     "help": "run as root",
     "detail": "line 1\nline 2"
    }
   ]
  }
 ],
 "capabilities": [
  {
   "name": "CAP_BPF",
   "effective": false,
   "needed": true,
   "without": "all that is counted"
  }
 ],
 "mounts": [
  {
   "path": "/proc",
   "state": "ok",
   "for": "all"
  }
 ]
}`, string(text), "scripts read this: a field may come, but none may go or change")
}

func TestTextIsAligned(t *testing.T) {
	report := sample()
	var b strings.Builder
	require.NoError(t, report.WriteText(&b, false))
	assert.Equal(t, `Linux 6.1.0, user 1000, root /, cgroups v2, BTF yes, lockdown none, unprivileged_bpf_disabled 2

group               state     features  why                                  source
resource.node       ok        155                                            /proc, /sys
security.execution  missing   0 of 34   no CAP_BPF                           BPF on_exec
posture.node        degraded  51 of 82  read /etc/shadow: permission denied  /proc
                                        no /sys

what would help
  run as root
      for security.execution, posture.node

capability  effective  needed  without it
CAP_BPF     no         yes     all that is counted

mount  state  for  why
/proc  ok     all
`, b.String())
}

func TestDetailsAreForTheVerbose(t *testing.T) {
	report := sample()
	var b strings.Builder
	require.NoError(t, report.WriteText(&b, true))
	assert.Contains(t, b.String(), "security.execution: no CAP_BPF\nline 1\nline 2\n")
	report.DropDetails()
	b.Reset()
	require.NoError(t, report.WriteText(&b, true))
	assert.NotContains(t, b.String(), "line 2")
}

func TestAnything(t *testing.T) {
	report := sample()
	assert.True(t, report.Anything())
	report.Groups = report.Groups[1:2]
	assert.False(t, report.Anything())
}

func TestSystemAdministratorsMayTrace(t *testing.T) {
	admin := Set(1 << CapSysAdmin)
	assert.True(t, admin.Has(CapBPF))
	assert.True(t, admin.Has(CapPerfmon))
	assert.False(t, admin.Has(CapSysPtrace))
	assert.True(t, Set(1<<CapSysPtrace).Has(CapSysPtrace))
}
