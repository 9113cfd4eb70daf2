"""stub"""
import numpy as np
from feroi.photo.face_mesh_points import INDEX_68
from feroi.photo.geometry import Pose, fit_camera
def head_pose(mesh_xyz_px) -> Pose:
    return fit_camera(mesh_xyz_px[INDEX_68,:2]).pose()
