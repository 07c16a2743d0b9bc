// SPDX-License-Identifier: Apache-2.0

package clickhousedataset

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configopaque"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/config/configretry"
	"go.opentelemetry.io/collector/config/configtls"
	"go.opentelemetry.io/collector/exporter/exporterhelper"

	"github.com/nodesec/nodesec/internal/entity"
)

// Config is the configuration of the exporter. README.md has the reference.
type Config struct {
	// Endpoints are host:port of the native protocol. The first that answers is used, in this order.
	Endpoints []string `mapstructure:"endpoints"`
	// Username and Password; the default user of ClickHouse, without a password, if empty.
	Username string              `mapstructure:"username"`
	Password configopaque.String `mapstructure:"password"`
	// TLS is off unless the section is there.
	TLS configoptional.Optional[configtls.ClientConfig] `mapstructure:"tls"`
	// Compression of the connection: none, lz4 or zstd. Default lz4.
	Compression string `mapstructure:"compression"`
	// DialTimeout is how long to wait for each endpoint. Default 5s.
	DialTimeout time.Duration `mapstructure:"dial_timeout"`
	// Timeout of one attempt to store a batch. Default 30s, 0 waits for ever.
	Timeout time.Duration `mapstructure:"timeout"`

	// Database of the tables. Default nodesec.
	Database string `mapstructure:"database"`
	// Tables are the names of the tables.
	Tables TablesConfig `mapstructure:"tables"`
	// CreateSchema makes database, tables and columns as they are needed. Default true. Without it, features that have
	// no column go to the column more.
	CreateSchema bool `mapstructure:"create_schema"`
	// Cluster is the name of a ClickHouse cluster. With it, tables are made ON CLUSTER, replicated and distributed.
	Cluster string `mapstructure:"cluster"`
	// TTL is how long samples are kept. Default 0, for ever. It takes effect when a table is made.
	TTL time.Duration `mapstructure:"ttl"`
	// MaxFeatures is how many features per table get a column. Default 1000. Others go to the column more.
	MaxFeatures int `mapstructure:"max_features"`
	// DeduplicationWindow is how many of the last inserts into a table are remembered to recognise a repeated one.
	// Default 10000. It takes effect when a table is made.
	DeduplicationWindow int `mapstructure:"deduplication_window"`

	// Queue is the sending queue. Its batch section must stay off if the queue is persistent.
	Queue configoptional.Optional[exporterhelper.QueueBatchConfig] `mapstructure:"sending_queue"`
	// Retry says how long and how often a batch is tried again.
	Retry configretry.BackOffConfig `mapstructure:"retry_on_failure"`
}

// TablesConfig are the names of the tables of samples, by what is sampled.
type TablesConfig struct {
	Node      string `mapstructure:"node"`
	Pod       string `mapstructure:"pod"`
	Container string `mapstructure:"container"`
	Process   string `mapstructure:"process"`
	// Other is for resources that are none of these.
	Other string `mapstructure:"other"`
	// Events is for log records of whatever resource.
	Events string `mapstructure:"events"`
	// Detections is the view of the events that are starts and ends of alerts.
	Detections string `mapstructure:"detections"`
}

func (t TablesConfig) byScope() [5]string {
	return [...]string{
		entity.Node: t.Node, entity.Pod: t.Pod, entity.Container: t.Container, entity.Process: t.Process,
		entity.Other: t.Other,
	}
}

// NewDefaultConfig returns the configuration with all defaults.
func NewDefaultConfig() *Config {
	queue := exporterhelper.NewDefaultQueueConfig()
	// Off whatever the feature gate says: see the type keeper.
	queue.Batch = configoptional.Default(exporterhelper.BatchConfig{
		FlushTimeout: 200 * time.Millisecond,
		Sizer:        exporterhelper.RequestSizerTypeItems,
		MinSize:      100_000,
	})
	return &Config{
		Endpoints:   []string{"127.0.0.1:9000"},
		Compression: compressionLZ4,
		DialTimeout: 5 * time.Second,
		Timeout:     30 * time.Second,
		Database:    "nodesec",
		Tables: TablesConfig{
			Node: "node_samples", Pod: "pod_samples", Container: "container_samples", Process: "process_samples",
			Other: "other_samples", Events: "events", Detections: "detections",
		},
		CreateSchema:        true,
		MaxFeatures:         1000,
		DeduplicationWindow: 10_000,
		Queue:               configoptional.Some(queue),
		Retry:               configretry.NewDefaultBackOffConfig(),
		TLS:                 configoptional.Default(configtls.NewDefaultClientConfig()),
	}
}

func createDefaultConfig() component.Config { return NewDefaultConfig() }

// The methods of compression.
const (
	compressionNone = "none"
	compressionLZ4  = "lz4"
	compressionZSTD = "zstd"
)

// Validate checks the settings.
func (c *Config) Validate() error {
	return errors.Join(
		c.validateEndpoints(),
		c.validateTables(),
		oneOf("compression", c.Compression, compressionNone, compressionLZ4, compressionZSTD),
		notNegative("dial_timeout", c.DialTimeout),
		notNegative("timeout", c.Timeout),
		notNegative("ttl", c.TTL),
		notNegative("max_features", c.MaxFeatures),
		notNegative("deduplication_window", c.DeduplicationWindow),
		c.validateTTL(),
		c.validateQueue(),
	)
}

func (c *Config) validateEndpoints() error {
	if len(c.Endpoints) == 0 {
		return errors.New("endpoints: must have at least one host:port, got none")
	}
	var errs error
	for _, endpoint := range c.Endpoints {
		if host, port, err := net.SplitHostPort(endpoint); err != nil || host == "" || port == "" {
			errs = errors.Join(errs, fmt.Errorf("endpoints: must be host:port of the native protocol, got %q", redact(endpoint)))
		}
	}
	return errs
}

// redact hides the user part of what looks like a URL.
func redact(endpoint string) string {
	if at := strings.LastIndexByte(endpoint, '@'); at >= 0 {
		return "..." + endpoint[at:]
	}
	return endpoint
}

func (c *Config) validateTables() error {
	var errs error
	if c.Database == "" {
		errs = errors.New("database: must not be empty")
	}
	names := c.Tables.byScope()
	for _, scope := range entity.Scopes() {
		switch name := names[scope]; {
		case name == "":
			errs = errors.Join(errs, fmt.Errorf("tables::%s: must not be empty", scope))
		case slices.Index(names[:], name) != int(scope):
			errs = errors.Join(errs, fmt.Errorf("tables::%s: must differ from the other tables, got %q", scope, name))
		}
	}
	taken := names[:]
	for _, other := range [...]struct{ key, name string }{{"events", c.Tables.Events}, {"detections", c.Tables.Detections}} {
		key, name := other.key, other.name
		switch {
		case name == "":
			errs = errors.Join(errs, fmt.Errorf("tables::%s: must not be empty", key))
		case slices.Contains(taken, name):
			errs = errors.Join(errs, fmt.Errorf("tables::%s: must differ from the other tables, got %q", key, name))
		}
		taken = append(taken, name)
	}
	return errs
}

func (c *Config) validateTTL() error {
	if c.TTL > 0 && c.TTL < time.Second {
		return fmt.Errorf("ttl: must be at least 1s, or 0 to keep samples for ever, got %s", c.TTL)
	}
	return nil
}

func (c *Config) validateQueue() error {
	if !c.Queue.HasValue() {
		return nil
	}
	queue := c.Queue.Get()
	if queue.StorageID != nil && queue.Batch.HasValue() {
		return fmt.Errorf("sending_queue::batch: must be off with a persistent queue (storage %s), because batches that "+
			"are put together anew after a crash would store samples twice; use the batch processor", queue.StorageID)
	}
	return nil
}

func oneOf(key, value string, values ...string) error {
	if !slices.Contains(values, value) {
		return fmt.Errorf("%s: must be one of %s, got %q", key, strings.Join(values, ", "), value)
	}
	return nil
}

func notNegative[T int | time.Duration](key string, value T) error {
	if value < 0 {
		return fmt.Errorf("%s: must not be negative, got %v", key, value)
	}
	return nil
}
