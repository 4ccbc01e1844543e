"""Lists, trees and tables over shared RAM."""
