// Package adminpb has the generated messages of health and reflection, which packages admin and dynamic share, and of
// fairlead.admin.v1.Runtime. Those of health and reflection have proto package names of their own, so that a program
// can link grpc-go's messages beside them; the encoding is the same.
package adminpb
