"""Synthetic faces with known Action Units, rendered from the ICT-FaceKit 3D model."""
