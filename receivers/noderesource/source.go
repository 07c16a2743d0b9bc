// SPDX-License-Identifier: Apache-2.0

package noderesource

// source is a file, or a kind of files, that features come from. The sources that could not be read for a sample are
// the bits of its quality_missing. The bits are part of the data: never renumber them, only append.
type source int64

// The sources of a process. In the sample of a container they mean that one of its processes could not be read, so that
// the sums over its processes are too small.
const (
	sourceProcessStatus    source = 1 << iota // /proc/[pid]/status: user, swap, shared memory, context switches
	sourceProcessIO                           // /proc/[pid]/io, needs CAP_SYS_PTRACE for processes of others
	sourceProcessFD                           // /proc/[pid]/fd, before Linux 6.2 as sourceProcessIO
	sourceProcessSchedstat                    // /proc/[pid]/schedstat, needs CONFIG_SCHED_INFO
	sourceProcessExe                          // /proc/[pid]/exe, needs CAP_SYS_PTRACE for processes of others
	sourceProcessCmdline                      // /proc/[pid]/cmdline
	sourceProcessCgroup                       // /proc/[pid]/cgroup
)

// The sources of a node. Those that only this node's kernel lacks (no PSI, no connection tracking, ...) are reported once
// and are bits of every sample. Without IPv6 its files are not missing: there is nothing to count.
const (
	sourceStat         source = 1 << (iota + 7) // /proc/stat
	sourceLoadavg                               // /proc/loadavg
	sourceUptime                                // /proc/uptime
	sourceMeminfo                               // /proc/meminfo
	sourceVmstat                                // /proc/vmstat
	sourcePressure                              // /proc/pressure/cpu, memory, io: needs CONFIG_PSI and no psi=0
	sourceDiskstats                             // /proc/diskstats, and /sys/block to tell whole disks
	sourceFilesystem                            // /proc/self/mountinfo and statfs(2) of what it names
	sourceNetDev                                // /proc/net/dev
	sourceNetSNMP                               // /proc/net/snmp, snmp6
	sourceNetNetstat                            // /proc/net/netstat
	sourceNetSockstat                           // /proc/net/sockstat
	sourceNetProtocols                          // /proc/net/protocols
	sourceTCPStates                             // sock_diag(7), or /proc/net/tcp, tcp6
	sourceNetARP                                // /proc/net/arp
	sourceConntrack                             // /proc/sys/net/netfilter/nf_conntrack_count, needs nf_conntrack
	sourceFileNr                                // /proc/sys/fs/file-nr
	sourceInodeNr                               // /proc/sys/fs/inode-nr
	sourceEntropy                               // /proc/sys/kernel/random/entropy_avail
	sourceClock                                 // adjtimex(2)
)

// The sources of a container: the files of one cgroup controller, which may be missing because the controller is not
// mounted, not enabled for the cgroup, or has not put the cgroup into its hierarchy.
const (
	sourceCgroupCPU          source = 1 << (iota + 27) // cpu.stat; v1 cpuacct.usage, cpuacct.stat
	sourceCgroupCPUBandwidth                           // cpu.max; v1 cpu.stat, cpu.cfs_quota_us, cpu.cfs_period_us
	sourceCgroupMemory                                 // memory.*
	sourceCgroupIO                                     // io.stat; v1 blkio.throttle.*
	sourceCgroupPIDs                                   // pids.*
	sourceCgroupPressure                               // *.pressure: needs cgroup v2, CONFIG_PSI and no psi=0
	sourceNamespaceNet                                 // /proc/[pid]/net of a process of the container
)
