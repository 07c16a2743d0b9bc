// SPDX-License-Identifier: Apache-2.0

package clickhousedataset

import "github.com/nodesec/nodesec/internal/entity"

// textColumn is a column whose text comes from the resource.
type textColumn struct {
	declaration
	value func(*entity.Identity) string
}

// wordColumn is a text column whose few texts come again and again.
func wordColumn(name, comment string, value func(*entity.Identity) string) textColumn {
	return textColumn{declaration{name, word, "ZSTD(1)", comment}, value}
}

const word = "LowCardinality(String)"

// textColumns returns the columns of the scope that name the entity and what contains it.
func textColumns(scope entity.Scope) []textColumn {
	columns := nodeColumns()
	if scope == entity.Node || scope == entity.Other {
		return columns
	}
	columns = append(columns, podColumns()...)
	if scope == entity.Pod {
		return columns
	}
	columns = append(columns, containerColumns()...)
	if scope == entity.Container {
		return columns
	}
	return append(columns, processColumns()...)
}

func nodeColumns() []textColumn {
	return []textColumn{
		wordColumn("cluster", "k8s.cluster.name", func(id *entity.Identity) string { return id.Cluster }),
		wordColumn("node", "k8s.node.name, else host.name", func(id *entity.Identity) string { return id.Node }),
	}
}

func podColumns() []textColumn {
	return []textColumn{
		wordColumn("namespace", "k8s.namespace.name", func(id *entity.Identity) string { return id.Namespace }),
		wordColumn("workload", "Name of the pod's outermost owner",
			func(id *entity.Identity) string { return id.Workload }),
		wordColumn("workload_kind", "Deployment, StatefulSet, DaemonSet, CronJob, Job or ReplicaSet",
			func(id *entity.Identity) string { return id.WorkloadKind }),
		wordColumn("pod", "k8s.pod.name", func(id *entity.Identity) string { return id.Pod }),
		wordColumn("pod_uid", "k8s.pod.uid", func(id *entity.Identity) string { return id.PodUID }),
	}
}

func containerColumns() []textColumn {
	return []textColumn{
		wordColumn("container", "k8s.container.name, else container.name",
			func(id *entity.Identity) string { return id.Container }),
		wordColumn("container_id", "container.id", func(id *entity.Identity) string { return id.ContainerID }),
		wordColumn("image", "container.image.name", func(id *entity.Identity) string { return id.ImageName }),
		wordColumn("image_tag", "container.image.tag, else the first of container.image.tags",
			func(id *entity.Identity) string { return id.ImageTag }),
		wordColumn("cgroup", "cgroup path", func(id *entity.Identity) string { return id.Cgroup }),
	}
}

func processColumns() []textColumn {
	return []textColumn{
		wordColumn("process", "process.executable.name", func(id *entity.Identity) string { return id.Executable }),
		wordColumn("exe", "process.executable.path", func(id *entity.Identity) string { return id.ExecutablePath }),
		// Command lines are long and often differ.
		{
			declaration{"command", "String", "ZSTD(1)", "process.command_line"},
			func(id *entity.Identity) string { return id.CommandLine },
		},
	}
}
