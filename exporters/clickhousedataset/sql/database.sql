CREATE DATABASE IF NOT EXISTS {{ name .Database }}{{ .OnCluster }}
