// Package deploy_test runs the files of this directory with the programs that they are
// for: proxies and nodes in processes of their own, on addresses of 127.0.0.0/8 that
// nobody else has, so that the ports of the files stay as they are.
package deploy_test
