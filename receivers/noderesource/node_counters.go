// SPDX-License-Identifier: Apache-2.0

package noderesource

// The places of the counters of a node. Those of one metric with an attribute follow each other in the order of the
// attribute.
const (
	counterCPU             = iota
	counterContextSwitches = counterCPU + cpuModes - 1 + iota
	counterInterrupts
	counterSoftIRQs
	counterForks
	counterFaults
	counterMajorFaults
	counterSwapIn
	counterSwapOut
	counterDirectReclaim
	counterOOMKills
	counterTCPActiveOpens
	counterTCPPassiveOpens
	counterTCPAttemptFails
	counterTCPEstabResets
	counterTCPInSegs
	counterTCPOutSegs
	counterTCPRetransSegs
	counterTCPInErrs
	counterTCPOutRsts
	counterIPForwarded
	counterICMPIn
	counterICMPOut
	counterICMPInUnreachable
	counterICMPOutUnreachable
	counterUDPIn
	counterUDPOut
	counterUDPNoPorts
	counterUDPInErrors
	counterSyncookiesSent
	counterSyncookiesReceived
	counterSyncookiesFailed
	counterListenOverflows
	counterListenDrops
	counterTCPTimeouts
	counterTCPAbortOnTimeout
	counterPressure
	counterDisk      = counterPressure + pressureCounters
	counterInterface = counterDisk + diskCounters
)
