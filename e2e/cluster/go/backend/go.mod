module nantian.dev/cluster/backend

go 1.26.0
