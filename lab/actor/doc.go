// SPDX-License-Identifier: Apache-2.0

// Package actor makes places to act in. An actor is like a container: a cgroup of its own, namespaces of its own, limits,
// and a file system that is the host's as it can be read, with a layer in memory above it that takes all that is written.
//
// What happens in an actor stays there. Its network is loopback alone, where every address of IPv4 and IPv6 is at home;
// nothing that it writes reaches a disk; where the host keeps secrets and sockets (/root, /home, /run, /tmp, /var/log, the
// password files) it finds toys. Processes, mounts and network end with the actor's process 1, and that one ends with
// the process that made it, even if it is killed. What then is left, the cgroups, is removed by the next Open.
package actor
