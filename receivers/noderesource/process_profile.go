// SPDX-License-Identifier: Apache-2.0

package noderesource

import (
	"strings"
	"time"

	"github.com/nodesec/nodesec/receivers/internal/procfs"
)

// creationTime is the format of process.creation.time.
const creationTime = "2006-01-02T15:04:05.000Z07:00"

// profiler finds out what the samples of a process tell apart from numbers.
type profiler struct {
	dir         *procfs.PIDs
	commandLine string // the setting
	// booted is when the machine booted. It is read once: the kernel's answer changes when the clock is set, and the
	// creation time is part of the identity of a process.
	booted time.Time
}

// read reads the profile of a process anew. What can not be read stays empty.
func (r *profiler) read(e *emitter, p *process) {
	p.profile = profile{read: true, matched: p.profile.matched, resource: p.profile.resource}
	if p.stat.IsKernelThread() || p.stat.State == 'Z' {
		return // has no executable and no arguments
	}
	if path, err := r.dir.ReadLink(p.pid, "exe"); err == nil {
		p.profile.path = strings.ToValidUTF8(string(path), "�")
	} else {
		p.profile.missing |= sourceProcessExe
		e.readErrors++
	}
	if r.commandLine == commandLineOff {
		return
	}
	if data, err := r.dir.ReadHead(p.pid, "cmdline", maxArguments); err == nil {
		p.profile.commandLine = commandLine(data, r.commandLine != commandLineFull)
	} else {
		p.profile.missing |= sourceProcessCmdline
		e.readErrors++
	}
}

// build makes the resource of a process.
func (r *profiler) build(e *emitter, p *process) {
	rb := e.resource()
	rb.SetProcessPid(int64(p.pid))
	rb.SetProcessParentPid(int64(p.stat.PPID))
	rb.SetProcessCreationTime(r.booted.Add(p.life.born).Format(creationTime))
	rb.SetProcessExecutableName(strings.ToValidUTF8(p.comm, "�"))
	if p.profile.path != "" {
		rb.SetProcessExecutablePath(p.profile.path)
	}
	if p.profile.commandLine != "" {
		rb.SetProcessCommandLine(p.profile.commandLine)
	}
	if p.status.UID.Known {
		rb.SetProcessUserID(int64(p.status.UID.Value))
	}
	if p.group != nil {
		known := e.runtime.Of(p.group.identity.ContainerID)
		for _, attribute := range []struct {
			value string
			set   func(string)
		}{
			{p.group.identity.ContainerID, rb.SetContainerID},
			{p.group.identity.PodUID, rb.SetK8sPodUID},
			{known.Namespace, rb.SetK8sNamespaceName},
			{known.Pod, rb.SetK8sPodName},
			{known.Name, rb.SetK8sContainerName},
			{known.Image, rb.SetContainerImageName},
			{known.Tag, rb.SetContainerImageTag},
		} {
			if attribute.value != "" {
				attribute.set(attribute.value)
			}
		}
	}
	p.profile.resource, p.profile.built = rb.Emit(), true
}
