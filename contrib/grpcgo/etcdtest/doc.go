// Package etcdtest runs etcd's client library and etcd's own services, neither of which knows Fairlead, over
// Fairlead's transport by way of package grpcgo. It has only tests, and is a module of its own because etcd
// depends on much.
package etcdtest
