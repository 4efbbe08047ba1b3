"""SLS (Log Service): projects, logstores, indexes, PutLogs, GetLogs, PullLogs."""
