CREATE TABLE IF NOT EXISTS {{ name .Database }}.{{ name .Table }}{{ .OnCluster }}
(
      id String COMMENT 'Unique id of the row'
    , run LowCardinality(String) COMMENT 'Execution of a scenario'
    , scenario LowCardinality(String) COMMENT 'Name of the scenario'
    , step LowCardinality(String) COMMENT 'Name of the step within the scenario'
    , technique LowCardinality(String) COMMENT 'ATT&CK technique'
    , label LowCardinality(String) COMMENT 'attack, overload, admin or benign'
    , t_start DateTime64(6, 'UTC') COMMENT 'Begin of the window, part of it'
    , t_end DateTime64(6, 'UTC') COMMENT 'End of the window, not part of it'
    , t_effect DateTime64(6, 'UTC') COMMENT 'Tick in which the data show the step for the first time, 1970 if unknown'
    , cluster LowCardinality(String) COMMENT 'Selector: the entity is in this cluster'
    , node LowCardinality(String) COMMENT 'Selector: the entity is on this node'
    , namespace LowCardinality(String) COMMENT 'Selector: the entity is in this namespace'
    , workload LowCardinality(String) COMMENT 'Selector: the entity belongs to this workload'
    , pod String COMMENT 'Selector: name or UID of the pod'
    , container String COMMENT 'Selector: name, ID or cgroup path of the container'
    , pid UInt32 COMMENT 'Selector: the process, 0 for none'
    , role LowCardinality(String) COMMENT 'Role of the entity, as attacker or victim'
    , outcome LowCardinality(String) COMMENT 'What came of the step'
    , source LowCardinality(String) COMMENT 'What wrote the row'
    , author LowCardinality(String) COMMENT 'Who wrote the row'
    , note String COMMENT 'Free text'
    , created_at DateTime64(6, 'UTC') COMMENT 'When the row was written'
    , retracts String COMMENT 'Id of the row that is no longer true; empty: this row is a window'
)
ENGINE = {{ .Engine }}
ORDER BY (t_start, id)
SETTINGS {{ .WindowSetting }} = 10000
COMMENT 'Ground truth: windows in which something was going on. Rows are only added; retractions are rows too'
